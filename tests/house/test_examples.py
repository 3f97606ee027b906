"""The review data sets that ship: large enough, without near duplicates, and too hard for a bag of words."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from prepare.oracle import near_duplicates

EXAMPLES = Path(__file__).parents[2] / "examples"
LEAST = {"reviews-en": 600, "reviews-zh": 200}
HARD = {"negation", "irony", "mixed", "concession"}


def rows(name: str, split: str) -> list[dict[str, str]]:
    with (EXAMPLES / name / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", LEAST)
def test_there_are_enough_rows_balanced_and_mostly_hard(name):
    train, test = rows(name, "train"), rows(name, "test")
    assert len(train) + len(test) >= LEAST[name]
    labels = Counter(row["label"] for row in train + test)
    assert len(labels) == 2 and max(labels.values()) / min(labels.values()) < 1.1
    kinds = Counter(row["kind"] for row in test)
    assert set(kinds) >= HARD and sum(kinds[kind] for kind in HARD) / len(test) > 0.6


@pytest.mark.parametrize("name", LEAST)
def test_no_two_reviews_share_a_frame(name):
    texts = [row["text"] for split in ("train", "test") for row in rows(name, split)]
    assert len(set(texts)) == len(texts)
    assert list(near_duplicates(texts, 0.3)) == []


def test_the_check_for_frames_finds_one():
    texts = [row["text"] for row in rows("reviews-en", "train")]
    near = texts[0].rsplit(" ", 1)[0] + " tomorrow"
    assert list(near_duplicates([*texts, near], 0.3)) != []


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("vectorizer", [CountVectorizer, TfidfVectorizer])
def test_a_bag_of_words_stays_under_85_percent(name, vectorizer):
    train, test = rows(name, "train"), rows(name, "test")
    bag = vectorizer(analyzer="char") if name.endswith("zh") else vectorizer()
    model = LogisticRegression(max_iter=1000).fit(
        bag.fit_transform([r["text"] for r in train]), [r["label"] for r in train]
    )
    score = model.score(bag.transform([r["text"] for r in test]), [r["label"] for r in test])
    assert 0.5 < score < 0.85
