"""The light tables of the room: names and where the implementations are."""

from secbench.registry import Entry

__all__ = ["EXTRACTORS", "METRICS"]

_ROOM = "secbench.metrics"

METRICS = (
    Entry("bleu4", "BLEU-4 of the corpus, closest reference length", f"{_ROOM}._bleu:bleu4", ("caption", "main")),
    Entry("cider", "CIDEr-D, 0 to 10, idf from the split's references", f"{_ROOM}._cider:cider", ("caption", "main")),
    Entry("emo_f1", "macro-F1 of the emotions a caption names", f"{_ROOM}._emotion:emo_f1", ("caption", "main")),
    Entry("distinct2", "different bigrams over bigrams", f"{_ROOM}._diversity:distinct2", ("caption", "main")),
    Entry("rouge_l", "ROUGE-L, beta 1.2", f"{_ROOM}._rouge:rouge_l", ("caption",)),
    Entry("meteor_zh", "METEOR on Han characters, exact matches", f"{_ROOM}._meteor:meteor_zh", ("caption",)),
    Entry("bleu1", "BLEU-1 of the corpus", f"{_ROOM}._bleu:bleu1", ("caption",)),
    Entry("bleu2", "BLEU-2 of the corpus", f"{_ROOM}._bleu:bleu2", ("caption",)),
    Entry("bleu3", "BLEU-3 of the corpus", f"{_ROOM}._bleu:bleu3", ("caption",)),
    Entry("emo_weighted_f1", "Emo-F1 weighted by class size", f"{_ROOM}._emotion:emo_weighted_f1", ("caption",)),
    Entry("emo_coverage", "captions that name an emotion", f"{_ROOM}._emotion:emo_coverage", ("caption",)),
    Entry(
        "emo_f1_classifier",
        "Emo-F1 read by a classifier fitted on training references",
        f"{_ROOM}._emotion:emo_f1_classifier",
        ("caption",),
    ),
    Entry("distinct1", "different tokens over tokens", f"{_ROOM}._diversity:distinct1", ("caption",)),
    Entry(
        "distinct2_at_100",
        "Distinct-2 expected of 100 captions, free of corpus size",
        f"{_ROOM}._diversity:distinct2_at_100",
        ("caption",),
    ),
    Entry("self_bleu", "BLEU-4 of each caption against all others", f"{_ROOM}._self_bleu:self_bleu", ("caption",)),
    Entry("vocabulary", "different tokens", f"{_ROOM}._diversity:vocabulary", ("caption",)),
    Entry("unique_captions", "different captions", f"{_ROOM}._diversity:unique_captions", ("caption",)),
    Entry("mean_length", "tokens in a caption", f"{_ROOM}._diversity:mean_length", ("caption",)),
    Entry("bertscore", "BERTScore F1, bert-base-chinese", f"{_ROOM}._bertscore:bertscore", ("caption", "model")),
    Entry(
        "embedding_similarity",
        "cosine of sentence embeddings, mean over references",
        f"{_ROOM}._embedding:embedding_similarity",
        ("caption", "model"),
    ),
    Entry("spice", "SPICE, English only", f"{_ROOM}._aac:spice", ("caption", "model")),
    Entry("spider", "mean of CIDEr-D and SPICE, English only", f"{_ROOM}._aac:spider", ("caption", "model")),
    Entry("fense", "FENSE, English only", f"{_ROOM}._aac:fense", ("caption", "model")),
    Entry(
        "clapscore", "CLAP cosine of caption and audio, English only", f"{_ROOM}._aac:clapscore", ("caption", "model")
    ),
    Entry("accuracy", "share of right labels", f"{_ROOM}._emotion:accuracy", ("label", "main")),
    Entry("weighted_f1", "F1 weighted by class size", f"{_ROOM}._emotion:weighted_f1", ("label", "main")),
    Entry("macro_f1", "F1 averaged over classes", f"{_ROOM}._emotion:macro_f1", ("label", "main")),
)

EXTRACTORS = (
    Entry("lexicon-zh", "words and phrases with negation", f"{_ROOM}._lexicon:LexiconExtractor"),
    Entry(
        "classifier", "logistic regression fitted on training references", f"{_ROOM}._extractors:ClassifierExtractor"
    ),
    Entry("file", "the labels that the predictions bring", f"{_ROOM}._extractors:FileExtractor"),
)
