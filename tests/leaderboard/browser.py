"""A page in a headless Chromium, and what it said and asked for while it was open."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skip the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """A page that is open. `messages` are what it logged, `requests` the addresses that it asked for."""

    def __init__(self, browser: Browser, address: str | Path, *, width: int = 1400, **context: Any) -> None:
        self.address = address.resolve().as_uri() if isinstance(address, Path) else address
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._context = context
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900}, **context)
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.open()

    def open(self, query: str = "") -> None:
        """Open the page, perhaps with another query, and wait for its charts."""
        self.page.goto(self.address + query)
        if self.page.locator(".drawn").count() and "java_script_enabled" not in self._context:
            self.page.locator(".drawn:not([data-drawn])").first.wait_for(state="detached")

    def texts(self, selector: str) -> list[str]:
        """The texts of what can be seen, in order."""
        found = self.page.locator(selector).filter(visible=True)
        return [" ".join(text.split()) for text in found.all_inner_texts()]

    def evaluate(self, expression: str, argument: object = None) -> Any:
        """The value of a JavaScript expression, or of a function of an argument."""
        return self.page.evaluate(expression, argument)
