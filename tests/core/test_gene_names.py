"""core.gene_names: what was probably meant."""

from genviz.core.gene_names import near_genes


def test_genes_that_begin_alike_are_offered():
    known = [*(f"KRT{i}" for i in range(9)), "ERBB2"]
    assert near_genes("krt99", known) == " Did you mean: KRT0, KRT1, KRT2, KRT3, KRT4?"
    assert near_genes("erbb", known) == " Did you mean: ERBB2?"
    assert near_genes("XIST", known) == ""
