"""The demo's screen as text and as a picture."""

from io import StringIO

from rich.console import Console

from pipelines.demo.screen import WIDTH, DemoOutput


def screen_output(*, record: bool = False) -> tuple[DemoOutput, StringIO]:
    out = StringIO()
    return DemoOutput(Console(file=out, width=WIDTH, record=record)), out


def test_scenes_sentences_and_tables_are_printed_in_order():
    screen, out = screen_output()
    screen.section("1  It serves")
    screen.write("A sentence.")
    screen.table(["when", "clicks"], [("before", "52 %"), ("after", "31 %")])
    lines = [line.strip() for line in out.getvalue().splitlines() if line.strip()]
    assert lines[0].startswith("1  It serves ──")
    assert lines[1:] == ["A sentence.", "when     clicks", "before   52 %", "after    31 %"]


def test_transient_lines_are_not_logged():
    screen, out = screen_output()
    with screen.show_status("a model is trained"):
        screen.update_status("epoch 1 of 5")
    assert "epoch" not in out.getvalue()


def test_the_picture_is_self_contained(tmp_path):
    screen, _ = screen_output(record=True)
    screen.write("Release 1 serves.")
    screen.save_svg(tmp_path / "pictures" / "demo.svg", "make demo")
    text = (tmp_path / "pictures" / "demo.svg").read_text()
    assert "Release&#160;1&#160;serves." in text
    assert text.count("http") == text.count('xmlns="http://www.w3.org/2000/svg"') == 1
