from secbench.metrics import Batch
from secbench.metrics._bleu import bleu4
from secbench.metrics._controls import caption_controls

REFERENCES = (("他很高兴",), ("他很高兴，语速快",), ("他很高兴，语速快",), ("完全不同",))


def read(captions: tuple[str, ...]) -> dict[str, object]:
    raise AssertionError(captions)


def test_one_sentence_for_all_is_scored_as_such() -> None:
    batch = Batch(("",) * 4, REFERENCES, no_emotion="no labels")
    rows = caption_controls(batch, read)  # type: ignore[arg-type]
    alone = {text: Batch((text,) * 4, REFERENCES) for (text,) in REFERENCES}
    assert rows["modal"]["bleu4"] == bleu4.collect(alone["他很高兴，语速快"]).value()
    assert rows["constant"]["bleu4"] == bleu4.collect(alone["他很高兴，语速快"]).value()
    assert rows["constant"]["bleu4"] > rows["shuffled-references"]["bleu4"]
