"""Encoder-decoders where their families differ: mBART's languages, T5's later versions, an encoder used alone."""

from __future__ import annotations

import pytest
import torch

from families import CLASSES, FAMILIES, WORDS
from whet.nn.anatomy import read_anatomy
from whet.nn.packed import Engine, Flat, choose_path

TOLERANCE = 1e-5
PATHS = ("flat", "padded")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["bart", "mbart"])
def test_a_text_is_read_at_its_last_end_token(name, path):
    """mBART's rows go on behind it with the language, which also starts the decoder."""
    network = FAMILIES[name]("sequence")
    rows = [[5, 6, 7, 8, 2, 50], [9, 10, 2, 51], [11] * 20 + [2, 50]]
    with torch.no_grad():
        expected = torch.cat([network(input_ids=torch.tensor([row])).logits for row in rows])
        found = Engine(network, read_anatomy(network), path).sequence(Flat.join(rows))
    assert (expected[0] - expected[1]).abs().max() > 100 * TOLERANCE
    assert (found - expected).abs().max() < TOLERANCE


def test_a_text_without_an_end_token_is_read_at_its_last():
    network = FAMILIES["bart"]("sequence")
    engine = Engine(network, read_anatomy(network))
    with torch.no_grad():
        whole = engine.sequence(Flat.join([[5, 6, 7], [8, 9, 2], [11, 12]]))
        alone = engine.sequence(Flat.join([[5, 6, 7]]))
    assert (whole[:1] - alone).abs().max() < TOLERANCE


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("tied", [True, False])
def test_t5_scales_its_states_before_the_vocabulary_only_where_it_was_trained_so(tied, path):
    network = FAMILIES["t5"]("seq2seq", tie_word_embeddings=tied)
    rows, said = [[5, 6, 7, 8, 1], [9, 10, 1]], [[0, 4], [0, 5, 6]]
    flat = Flat.join(rows, decoder=Flat.join(said))
    pairs = list(zip(rows, said, strict=True))
    with torch.no_grad():
        expected = [
            network(input_ids=torch.tensor([a]), decoder_input_ids=torch.tensor([b])).logits[0] for a, b in pairs
        ]
        found = Engine(network, read_anatomy(network), path).language(flat, torch.arange(5))
    assert (found - torch.cat(expected)).abs().max() < 10 * TOLERANCE


@pytest.mark.parametrize("path", PATHS)
def test_t5s_encoder_alone_answers_for_tokens(path):
    family = FAMILIES["t5"]
    torch.manual_seed(0)
    network = CLASSES["token"].from_config(family.config(vocab_size=WORDS, **family.settings)).eval()
    anatomy = read_anatomy(network)
    rows = [[5, 6, 7, 8, 1], [9, 10, 1], [11] * 20]
    with torch.no_grad():
        expected = torch.cat([network(input_ids=torch.tensor([row])).logits[0] for row in rows])
        found = Engine(network, anatomy, path).tokens(Flat.join(rows))
    assert not anatomy.encoder_decoder and choose_path(network, anatomy).path == "flat"
    assert (found - expected).abs().max() < TOLERANCE
