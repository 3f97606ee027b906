"""New rows beside an old matrix: every family takes them, the old one stays as it was, and one matrix is made of both."""

from __future__ import annotations

import copy

import pytest
import torch

import families
from whet.core.errors import ModelError
from whet.nn.rows import InRows, add_rows, fold_rows, new_rows

FIRST, COUNT = 98, 7
"""The last two rows of a hundred are unused, as where a matrix was padded to a round number."""
IDS = torch.tensor([[5, FIRST, FIRST + COUNT - 1, 97, 6, 2, 1]])

EVERY = [
    (name, kind)
    for name, family in families.FAMILIES.items()
    for kind in family.kinds
    if kind not in ("base", "seq2seq")
]
QUICK = {
    ("bert", "sequence"),
    ("bert", "masked"),
    ("electra", "masked"),
    ("albert", "masked"),
    ("llama", "causal"),
    ("gpt2", "causal"),
    ("gemma", "causal"),
    ("t5", "sequence"),
    ("bart", "sequence"),
    ("mbart", "sequence"),
}


def grown(name: str, kind: str):
    network = families.FAMILIES[name](kind)
    add_rows(network, FIRST, COUNT, 0)
    return network


def logits(network) -> torch.Tensor:
    with torch.inference_mode():
        return network(input_ids=IDS).logits


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("name", "kind"),
    [pytest.param(*one, marks=() if one in QUICK else pytest.mark.whole, id="-".join(one)) for one in EVERY],
)
def test_plain_transformers_reads_the_folded_rows_alike(name, kind, tmp_path):
    network = grown(name, kind)
    for part in new_rows(network):
        assert network.get_parameter(part).requires_grad
    with torch.no_grad():  # as if each had been learnt
        for part in new_rows(network):
            network.get_parameter(part).add_(torch.randn_like(network.get_parameter(part)))
    whole = copy.deepcopy(network)
    fold_rows(whole)
    assert not new_rows(whole)
    whole.save_pretrained(tmp_path)
    read = type(whole).from_pretrained(tmp_path).eval()
    assert read.config.vocab_size == FIRST + COUNT
    torch.testing.assert_close(logits(read), logits(network), rtol=0, atol=0)
    if kind in ("masked", "causal"):
        assert logits(network).shape[-1] == FIRST + COUNT


@pytest.mark.parametrize("kind", ["sequence", "masked"])
def test_old_ids_are_read_as_before(kind):
    old = IDS.where(IDS < FIRST, 7)
    plain, network = families.FAMILIES["bert"](kind), grown("bert", kind)
    with torch.inference_mode():
        before, after = plain(input_ids=old).logits, network(input_ids=old).logits
    torch.testing.assert_close(after[..., :FIRST], before[..., :FIRST], rtol=0, atol=0)


def test_only_the_new_rows_have_gradients_where_the_old_stand_still():
    network = grown("bert", "sequence")
    table = network.get_input_embeddings()
    assert isinstance(table, InRows)
    table.weight.requires_grad_(False)
    network(input_ids=IDS).logits.sum().backward()
    assert table.weight.grad is None
    seen = table.new.grad.abs().sum(1) > 0
    assert seen.tolist() == [number in (0, COUNT - 1) for number in range(COUNT)]


def test_padding_learns_nothing_and_the_first_new_row_does():
    network = grown("bert", "sequence")
    table = network.get_input_embeddings()
    assert table.padding_idx == 0
    table(torch.tensor([[0, FIRST, 5]])).sum().backward()
    assert table.weight.grad[0].eq(0).all() and table.weight.grad[5].eq(1).all() and table.new.grad[0].eq(1).all()


def test_a_tied_head_and_its_embedding_share_their_new_rows():
    tied, apart = grown("bert", "masked"), grown("llama", "causal")
    assert tied.get_output_embeddings().new is tied.get_input_embeddings().new
    assert apart.get_output_embeddings().new is not apart.get_input_embeddings().new
    assert new_rows(tied) == ["bert.embeddings.word_embeddings.new", "cls.predictions.decoder.new_bias"]
    assert new_rows(apart) == ["model.embed_tokens.new", "lm_head.new"]


def test_the_draw_is_a_function_of_the_seed():
    first, again, other = (families.FAMILIES["bert"]("sequence") for _ in range(3))
    for network, seed in ((first, 1), (again, 1), (other, 2)):
        torch.manual_seed(seed * 7)
        add_rows(network, FIRST, COUNT, seed)
    rows = [network.get_input_embeddings().new for network in (first, again, other)]
    assert rows[0].equal(rows[1]) and not rows[0].equal(rows[2])
    assert len({tuple(row.tolist()) for row in rows[0]}) == COUNT, "each character begins as another"


def test_an_embedding_that_is_no_matrix_is_refused_with_a_cure():
    network = families.FAMILIES["bert"]("sequence")
    network.set_input_embeddings(type("Own", (torch.nn.Embedding,), {})(100, 32))
    with pytest.raises(ModelError) as refused:
        add_rows(network, 100, 1, 0)
    assert "model.extend_vocab=false" in refused.value.faults[0].cure
    with pytest.raises(ModelError):
        add_rows(families.FAMILIES["bert"]("sequence"), 101, 1, 0)
