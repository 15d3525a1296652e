"""`make audit`: bandit over our code and pip-audit over the tested versions; every finding is fixed or explained.

A finding of bandit is explained where it stands (``# nosec B123 # why``) or, for a whole rule, in `[tool.bandit]` of
`pyproject.toml`; an advisory in `EXPLAINED` below. What could not be looked up is said, and is no pass.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CODE = ("secbench", "mecap_r1", "baselines", "leaderboard", "chaos", "tools", "benchmarks", "studies", "examples")
EXPLAINED: dict[str, str] = {}
"""Id of an advisory -> why it does not concern us."""

SERVICES = ("pypi", "osv")
_SHOWN = 3


@dataclass(frozen=True)
class Audit:
    """What one tool found.

    Attributes:
        findings: a line each; any of them fails the audit.
        remark: what was looked at, or what could not be.
        whole: whether everything was looked at.
    """

    findings: tuple[str, ...]
    remark: str
    whole: bool = True


def audit_code(root: Path = ROOT) -> Audit:
    """Run bandit."""
    folders = [name for name in CODE if (root / name).is_dir()]
    done = _run(["bandit", "-c", "pyproject.toml", "-q", "-f", "json", "-r", *folders], root)
    found = _parsed(done.stdout)
    if not isinstance(found, dict) or found.get("errors"):
        return Audit((f"bandit did not get through: {_last(done, found)}",), "bandit: broke off", whole=False)
    findings = tuple(
        f"{one['filename']}:{one['line_number']}: {one['test_id']} {one['issue_text']}" for one in found["results"]
    )
    files = sum(name != "_totals" for name in found["metrics"])
    return Audit(findings, f"bandit: {len(findings)} findings in {files} files")


def audit_packages(root: Path = ROOT) -> Audit:
    """Run pip-audit over `constraints.txt`, with the first service that answers."""
    best: Audit | None = None
    for service in SERVICES:
        words = ["pip_audit", "-r", "constraints.txt", "--no-deps", "--disable-pip", "-f", "json", "-s", service]
        done = _run([*words, "--progress-spinner", "off"], root)
        found = _parsed(done.stdout)
        if isinstance(found, dict):
            audit = read_advisories(found["dependencies"])
            if audit.whole:
                return audit
            best = best or audit
    return best or Audit((), f"unavailable: no advisory service answers ({', '.join(SERVICES)})", whole=False)


def read_advisories(packages: Sequence[dict[str, Any]]) -> Audit:
    """What pip-audit says of some packages; it also ends well when it could look up none of them."""
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    findings, explained = [], 0
    for package in packages:
        for one in package.get("vulns", ()):
            names = {one["id"], *one.get("aliases", ())}
            if names & EXPLAINED.keys():
                explained += 1
                continue
            fix = f"; fixed in {', '.join(one['fix_versions'])}" if one.get("fix_versions") else ""
            findings.append(f"{package['name']} {package['version']}: {', '.join(sorted(names))}{fix}")
    looked = len(packages) - len(skipped)
    remark = (
        f"pip-audit: {looked} of {len(packages)} packages looked up, {len(findings)} advisories, {explained} explained"
    )
    if skipped:
        some = ", ".join(skipped[:_SHOWN]) + (", ..." if len(skipped) > _SHOWN else "")
        remark = f"unavailable: no advisories for {len(skipped)} of {len(packages)} packages ({some}): nothing is known"
    return Audit(tuple(findings), remark, whole=not skipped)


def _run(words: Sequence[str], root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=root, capture_output=True, text=True, encoding="utf-8", check=False
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _last(done: "subprocess.CompletedProcess[str]", found: Any) -> str:
    """What a tool said last, or what it could not read."""
    errors = found.get("errors") if isinstance(found, dict) else None
    return str(errors or (done.stderr.strip().splitlines() or ["no message"])[-1])[:400]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, print what was found, and say with the exit code whether anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="also fail where something could not be looked up")
    strict = parser.parse_args(arguments).strict
    audits = (audit_code(), audit_packages())
    for audit in audits:
        print("\n".join((*audit.findings, audit.remark)))
    failed = any(audit.findings for audit in audits) or (strict and not all(audit.whole for audit in audits))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
