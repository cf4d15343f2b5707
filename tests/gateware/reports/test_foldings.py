"""The table of foldings in the theory of operation."""

from gateware.reports.foldings import EXCERPT, rows, view


def test_the_table_in_the_tree_is_that_of_the_networks():
    assert EXCERPT.path.read_text(encoding="utf-8") == EXCERPT.text(view()), f"stale: {EXCERPT.command}"


def test_a_row_for_each_part_that_holds_a_network():
    found = {(row["network"], row["part"]): row["interval"] for row in rows()}
    assert found["resmlp_lerp_psa_h1_w5a6", "XC7Z010"] == 24_576
    assert found["resmlp_lerp_psa_h1_w5a6", "XC7Z020"] == 8_192
    assert ("resmlp_lerp_psa_h1_int8", "XC7Z010") not in found
