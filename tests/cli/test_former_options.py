"""Options have one name for one thing; former names work, with a note."""

from pathlib import Path

import pytest

from skmer.cli import main
from skmer.cli.main import _parser


@pytest.mark.parametrize(
    ("command", "former", "now", "dest", "value"),
    [
        (["synthesise", "x"], "--random-state", "--seed", "seed", 3),
        (["demo"], "--data", "--data-home", "data_home", "emotify"),
        (["reproduce", "table3"], "--dataset", "--collection", "dataset", "emotify"),
        (["reproduce", "mirable"], "--dataset", "--collection", "dataset", "emotify"),
        (["reproduce", "ratings"], "--dataset", "--collection", "dataset", "vgmidi"),
    ],
)
def test_former_names_are_read_with_a_note(capsys, command, former, now, dest, value):
    def read(option):
        arguments = vars(_parser(command).parse_args([*command, option, str(value)]))
        return {name: own for name, own in arguments.items() if not callable(own)}, capsys.readouterr().err

    expected, silent = read(now)
    found, note = read(former)
    assert found == expected
    assert found[dest] == value
    assert silent == ""
    assert note == f"skmer {' '.join(command[: 2 - (command[0] != 'reproduce')])}: {former} is called {now} now.\n"


def test_former_names_are_checked_like_the_new_and_not_in_the_help(capsys):
    for arguments in (["synthesise", "x", "--random-state", "-1"], ["reproduce", "table3", "--dataset", "none"]):
        with pytest.raises(SystemExit):
            main(arguments)
    with pytest.raises(SystemExit):
        main(["reproduce", "table3"])
    assert "the following arguments are required: --collection" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["synthesise", "--help"])
    assert "random-state" not in capsys.readouterr().out


def test_a_recipe_has_the_name_that_it_has_in_python(capsys):
    def recipe(name):
        command = ["reproduce", "table3", "--collection", "emotify", "--recipe", name]
        return _parser(command).parse_args(command).recipe

    assert [recipe("paper"), recipe("none")] == ["paper", "none"]
    assert capsys.readouterr().err == ""
    assert recipe("skmer") == "none"
    assert "--recipe skmer is called --recipe none now" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        recipe("plain")


def test_pages_use_the_names_of_now():
    root = Path(__file__).parents[2]
    for page in [root / "README.md", *(root / "docs").glob("guide/*.md"), *(root / "docs").glob("reports/*.md")]:
        text = page.read_text(encoding="utf-8")
        assert not any(word in text for word in ("--dataset ", "--random-state", "demo --data ", "--recipe skmer")), (
            page
        )
