"""Rows of CSV are read back as they were, whatever line breaks their cells hold."""

import csv
import io

import numpy as np
import pytest

from skmer._io import csv_writer
from skmer.cli.prediction_lines import make_line_writer
from skmer.inspection import FilePrediction


@pytest.mark.parametrize("cell", ["a", "a\rb", "a\nb", "a\r\nb", "\r\n", "\r", 'a"\r', "a,b", ""])
def test_rows_come_back(cell):
    stream = io.StringIO(newline="")
    csv_writer(stream).writerows([[cell, "last"], ["first", cell]])
    text = stream.getvalue()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[cell, "last"], ["first", cell]]
    assert text.endswith("\n")
    assert text.count("\r\n") == 2 * cell.count("\r\n")


def test_a_prediction_of_a_file_with_line_breaks_in_its_name():
    stream = io.StringIO(newline="")
    write = make_line_writer(stream, "csv", np.array(["calm"]), "song")
    write(FilePrediction("a\rb\n.wav", None, error="no audio"))
    write(FilePrediction("c.wav", None, error="no audio"))
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [row["file"] for row in rows] == ["a\rb\n.wav", "c.wav"]
    assert stream.getvalue().startswith("file,emotion,p_calm,seconds,n_segments,warning,error\n")
    assert stream.getvalue().endswith("\nc.wav,,,,,,no audio\n")
