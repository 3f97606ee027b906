"""What a model forgot: each measure against a plain reference, a damaged model, one that did not change."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from tiny_language import language_model, tokenizer_of_letters

from whet.assemble.load import load, tokenizer_of
from whet.assemble.options import ModelOptions
from whet.assemble.source import find
from whet.judge.facts import ReportFacts
from whet.judge.looking import EVERY, OFFSETS, Look, first_states, look
from whet.judge.retention import Measured, Retention, compare, likeness_scores, loss_scores, right_scores
from whet.judge.retention_section import retention
from whet.judge.shipped import LANGUAGES, Asked, asked, shipped
from whet.judge.words import Words
from whet.nn.packed import Engine
from whet.tasks.contract import Head


@cache
def minilm() -> tuple[Engine, list[Asked], dict[str, float]]:
    source = find("all-MiniLM-L6-v2")
    loaded = load(source, Head("sequence", 2), ModelOptions(), 0)
    return Engine(loaded.network, loaded.anatomy), *asked(tokenizer_of(source), 256, "sequence")


@cache
def untouched() -> Look:
    engine, texts, _ = minilm()
    return look(engine, texts, "sequence")


def damaged(scale: float, blocks: range = range(3, 6)) -> Engine:
    """MiniLM with noise in the weights of some blocks."""
    engine = minilm()[0]
    network = copy.deepcopy(engine.network)
    torch.manual_seed(0)
    with torch.no_grad():
        for number in blocks:
            for tensor in network.get_submodule(engine.anatomy.blocks[number].name).parameters():
                tensor.add_(torch.randn_like(tensor) * tensor.std() * scale)
    return Engine(network, engine.anatomy)


def judged(before: Look, after: Look | None, texts=None, left=None, own=None) -> Retention:
    return compare(minilm()[1] if texts is None else texts, before, after, own, left or {}, 0.95, 0)


def test_the_shipped_texts_are_whole():
    for language in LANGUAGES:
        texts = shipped(language)
        assert 1000 <= sum(map(len, texts.paragraphs)) <= 2500
        assert len(texts.sentences) == 2 * len(texts.grades) == len(texts.topics) and len(texts.grades) >= 40
        assert len(set(texts.sentences)) == len(texts.sentences)
        assert set(texts.grades) == set(range(6)) and set(texts.topics) == set(range(4))
        assert np.bincount(texts.topics).min() >= 15


def test_a_tokenizer_that_does_not_know_a_language_is_not_asked_in_it():
    _, texts, left = minilm()
    assert [one.language for one in texts] == ["en"] and 0.5 < left["zh"] < 1
    everything, none = asked(tokenizer_of_letters(), 100, "causal")
    assert [one.language for one in everything] == ["en", "zh"] and none == {}
    said = judged(untouched(), untouched(), left=left).finding("en").text
    assert "Chinese was left out: the tokenizer does not know 56\u00a0% of its tokens." in said


def test_probes_of_sentences_are_what_scipy_and_scikit_learn_say():
    engine, texts, _ = minilm()
    before, after = untouched(), look(damaged(0.7), texts, "sequence")
    found = judged(before, after)
    likeness, topics = found.probes
    cosines = []
    for one in (before, after):
        sentences = torch.tensor(one.answers["en"])
        cosines.append(torch.cosine_similarity(sentences[::2], sentences[1::2]).numpy())
    grades = shipped("en").grades
    assert likeness["before"] == pytest.approx(spearmanr(grades, cosines[0]).statistic, abs=1e-6)
    assert likeness["after"] == pytest.approx(spearmanr(grades, cosines[1]).statistic, abs=1e-6)
    assert likeness["agreement"] == pytest.approx(spearmanr(*cosines).statistic, abs=1e-6)
    x, y = before.answers["en"].astype(float), shipped("en").topics
    learnt = np.arange(len(x)) // 2 % 2 == 0
    scale = np.sqrt(((x[learnt] - x[learnt].mean(0)) ** 2).sum(1).mean())
    theirs = LogisticRegression(max_iter=2000).fit(x[learnt] / scale, y[learnt])
    assert topics["before"] == pytest.approx(theirs.score(x[~learnt] / scale, y[~learnt]), abs=0.02)
    new = after.answers["en"].astype(float)
    assert topics["after"] == pytest.approx(theirs.score(new[~learnt] / scale, y[~learnt]), abs=0.04)
    assert likeness["before"] > 0.9 and topics["before"] > 0.9  # an untouched MiniLM knows all this


def test_a_sentence_is_the_mean_of_its_last_states():
    engine, texts, _ = minilm()
    tokens = texts[0].ids[7]
    with torch.no_grad():
        states = engine.base(input_ids=torch.tensor([tokens])).last_hidden_state[0]
    np.testing.assert_allclose(untouched().answers["en"][7], states.mean(0).numpy(), atol=1e-5)
    assert len(untouched().layers) == 7 and len(untouched().layers[0]) <= 1024


def test_a_damaged_model_has_forgotten_and_the_sentence_says_so():
    engine, texts, _ = minilm()
    found = judged(untouched(), look(damaged(1.0), texts, "sequence"))
    assert [probe["lost"] for probe in found.probes] == [True, True]
    assert all(probe["after"] < probe["before"] - 0.1 for probe in found.probes)
    assert found.below == 1.0 and found.cka[:3] == (1.0, 1.0, 1.0)
    assert found.cka[3] > found.cka[4] > found.cka[5] and found.cka[5] < 0.5
    said = found.finding("en")
    assert said.kind == "retention" and said.text.startswith("The model forgot some of what it knew before training: ")
    assert "Spearman correlation 0.953 before and" in said.text and "block 6 of 6" in said.text
    assert said.evidence["probes"] == list(found.probes)
    chinese = found.finding("zh").text
    assert chinese.startswith("模型遗忘了训练前的部分能力：英文句子相似度，") and "第 6 层" in chinese


def test_of_a_model_that_did_not_move_nothing_is_said_to_be_lost():
    engine, texts, _ = minilm()
    found = judged(untouched(), look(engine, texts, "sequence"))
    assert found.unchanged and found.cka == (1.0,) * 6 and not any(probe["lost"] for probe in found.probes)
    assert found.finding("en").text.startswith("Nothing was forgotten: ")
    assert found.finding("zh").text.startswith("没有遗忘")
    slightly = judged(untouched(), look(damaged(0.01), texts, "sequence"))
    assert not slightly.unchanged and not any(probe["lost"] for probe in slightly.probes)
    assert slightly.finding("en").text.startswith("No probe shows that anything was forgotten: ")


def test_a_model_whose_sentences_are_all_alike_has_forgotten_them():
    before = untouched()
    flat = Look(before.layers, before.first, {"en": np.ones_like(before.answers["en"])})
    likeness = judged(before, flat).probes[0]
    assert np.isnan(likeness["after"]) and likeness["lost"]


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_the_loss_a_token_is_transformers_own(kind):
    network, engine, texts = language_model(kind)
    found = look(engine, texts, kind)
    for one in texts:
        told = []
        with torch.no_grad():
            if kind == "causal":
                for ids in one.ids:
                    row = torch.tensor([ids])
                    told.append((float(network(input_ids=row, labels=row).loss), len(ids) - 1))
            else:
                assert len(one.ids) == len(shipped(one.language).paragraphs)
                rows = [torch.tensor(ids) for ids in one.ids]
                own = [(k, p) for k, row in enumerate(rows) for p in range(len(row)) if int(row[p]) not in one.special]
                for offset in OFFSETS:
                    hidden = [row.clone() for row in rows]
                    for k, place in own[offset::EVERY]:
                        hidden[k][place] = one.mask
                    logits = [network(input_ids=row[None]).logits[0] for row in hidden]
                    for k, place in own[offset::EVERY]:
                        loss = torch.nn.functional.cross_entropy(logits[k][place], rows[k][place])
                        told.append((float(loss), 1))
        mean = sum(loss * count for loss, count in told) / sum(count for _, count in told)
        scored = loss_scores(found.answers[one.language])
        assert scored.values()["loss"] == pytest.approx(mean, abs=1e-4)
        assert sum(count for _, count in told) == len(found.answers[one.language])


def test_a_language_model_that_was_scrambled_has_forgotten_its_language():
    _, engine, given = language_model("causal")
    texts = [replace(one, chance=np.inf) for one in given]  # it was never trained, so it knows no better than chance
    before = look(engine, texts, "causal")
    found = compare(texts, before, look(engine, texts, "causal"), None, {}, 0.95, 0)
    assert found.unchanged and [probe["name"] for probe in found.probes] == ["text_en", "text_zh"]
    with torch.no_grad():
        engine.network.lm_head.weight.mul_(-2.0)
    after = look(engine, texts, "causal")
    found = compare(texts, before, after, None, {}, 0.95, 0)
    assert not found.unchanged and set(found.cka) == {1.0}  # the head alone was changed, and is asked as well
    assert [probe["better"] for probe in found.probes] == ["lower", "lower"]
    assert all(probe["lost"] and probe["after"] > probe["before"] for probe in found.probes)
    assert "English text, loss" in found.finding("en").text
    assert np.array_equal(first_states(engine, texts, "causal"), before.first)


def test_a_text_that_the_untouched_model_could_only_guess_is_not_judged():
    """stories260K spells Chinese byte by byte, having never seen any: 25 nats a token, where chance is 6."""
    _, engine, (one, other) = language_model("causal")
    before = look(engine, [one, other], "causal")
    guessed = replace(before, answers={**before.answers, "zh": before.answers["zh"] + other.chance})
    worse = replace(guessed, answers={name: nats + 1.0 for name, nats in guessed.answers.items()})
    known = replace(before, answers={"en": before.answers["en"] * 0.0, "zh": guessed.answers["zh"]})
    found = compare([one, other], known, worse, None, {}, 0.95, 0)
    assert [probe["name"] for probe in found.probes] == ["text_en"] and found.probes[0]["lost"]
    (left,) = found.as_metrics()["at_chance"]
    assert left["name"] == "text_zh" and left["before"] >= left["chance"] == np.log(len(tokenizer_of_letters()))
    said = found.finding("en").text
    assert "Left out, as the untouched model did no better there than chance: Chinese text (" in said
    assert "未判断" in found.finding("zh").text
    assert "at_chance" not in judged(untouched(), untouched()).as_metrics()


def test_a_change_too_small_for_three_decimals_is_not_called_1():
    kept = judged(untouched(), look(damaged(0.01), minilm()[1], "sequence"))
    for cka, said in ((0.99988, "CKA 0.9999;"), (0.9876, "CKA 0.988;"), (0.9999999, "CKA 0.9999999;")):
        assert said in replace(kept, cka=(1.0, cka)).finding("en").text
    assert "changed most" not in replace(kept, cka=(1.0, 1.0)).finding("en").text


def test_the_intervals_are_paired_and_few_rows_are_no_loss():
    right = np.arange(200) % 4 > 0
    fewer = right & (np.arange(200) % 20 != 1)
    found = Measured("topics_en", "accuracy", right_scores(right), right_scores(fewer)).as_metrics(0.95, 0)
    assert found["lost"] and found["difference"]["value"] == pytest.approx(-0.05)
    few = Measured("retain", "accuracy", right_scores(np.ones(10)), right_scores(np.zeros(10))).as_metrics(0.95, 0)
    assert not few["lost"]
    better = Measured("retain", "accuracy", right_scores(fewer), right_scores(right)).as_metrics(0.95, 0)
    assert not better["lost"]


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_all_resamples_at_once_say_what_each_says_alone(seed, rows, kinds):
    random = np.random.default_rng(seed)
    graded, cosines = random.integers(0, kinds, rows).astype(float), random.integers(0, 2 * kinds, rows) / 7
    picks = random.integers(0, rows, (20, rows))
    for scores, metric in (
        (likeness_scores(graded, cosines), "spearman"),
        (right_scores(graded > 0), "accuracy"),
    ):
        one_by_one = replace(scores, at_once={}).drawn(metric, picks)
        assert scores.drawn(metric, picks) == pytest.approx(one_by_one, abs=1e-12, nan_ok=True)


def test_the_report_says_the_sentence_shows_every_layer_and_the_probes():
    engine, texts, _ = minilm()
    found = judged(untouched(), look(damaged(1.0), texts, "sequence"))
    for language, title in (("en", "What it forgot"), ("zh", "遗忘了什么")):
        finding = found.finding(language)
        told = {"kind": "retention", "text": finding.text}
        facts = ReportFacts("a run", {"retention": found.as_metrics()}, [told], language=language)
        html = retention(facts, Words(language))
        assert title in html and html.count('class="dot') == 7
        for k, probe in enumerate(found.probes):
            for side in ("before", "after"):
                assert f'value="{probe[side]!r}" data-of="retention.probes.{k}.{side}"' in html
        assert html.index("<p") < html.index("<table") < html.index("<svg")
    assert retention(ReportFacts("a run", {}), Words("en")) == ""
