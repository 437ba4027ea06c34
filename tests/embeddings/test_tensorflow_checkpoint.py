import numpy as np
import pytest

from skmer.embeddings._tensorflow_checkpoint import crc32c, read_checkpoint
from tests.embeddings import checkpoints

ARRAYS = {
    "layer/bias": np.arange(3, dtype=np.float32) / 4,
    "layer/kernel": np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4),
    "layer_1/bias": np.array([], dtype=np.float32),
    "steps": np.array(7, dtype=np.int64),
    "whole": np.array([-1, 2], dtype=np.int32),
    "wide": np.array([[1e300]], dtype=np.float64),
}


@pytest.mark.parametrize(
    ("data", "value"),
    # the values of RFC 3720, and that of every catalogue of checksums
    [(bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E), (b"123456789", 0xE3069283)],
)
def test_checksums_are_those_of_the_standard(data, value):
    assert crc32c(data) == value


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 100, 2500])
def test_checksums_of_any_length(size, rng):
    data = rng.bytes(size)
    assert (crc32c(data) >> 15 | crc32c(data) << 17) + 0xA282EAD8 & 0xFFFFFFFF == checkpoints.crc(data)


@pytest.mark.parametrize("per_block", [1, 3, 100])
def test_arrays_are_read_as_they_were_written(per_block):
    arrays = read_checkpoint(*checkpoints.checkpoint(ARRAYS, per_block=per_block), "net")
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].flags.writeable


def test_only_wanted_arrays_are_looked_at():
    index, data = checkpoints.checkpoint(ARRAYS)
    arrays = read_checkpoint(index, data[:12], "net", wanted=["layer/bias"])
    np.testing.assert_array_equal(arrays["layer/bias"], [0, 0.25, 0.5])
    assert len(arrays) == 1


def test_an_array_that_is_not_there_is_named():
    with pytest.raises(
        ValueError, match=r"^net\.index: this is a checkpoint of another network, without 'dense'\. Ask\.$"
    ):
        read_checkpoint(*checkpoints.checkpoint(ARRAYS), "net", wanted=["dense", "steps"], advice="Ask.")


def test_no_changed_byte_goes_unnoticed():
    files = checkpoints.checkpoint(ARRAYS)
    expected = {name: array.tobytes() for name, array in ARRAYS.items()}
    n_refused = 0
    for which, name in enumerate((r"net\.index", r"net\.data-00000-of-00001")):
        for place in range(len(files[which])):
            changed = [bytearray(file) for file in files]
            changed[which][place] ^= 1 << place % 8
            try:
                arrays = read_checkpoint(*map(bytes, changed), "net")
            except ValueError as error:
                assert str(error).startswith(name.replace("\\", ""))  # noqa: PT017
                n_refused += 1
            else:
                # bytes that nothing depends on, such as the padding
                assert {key: array.tobytes() for key, array in arrays.items()} == expected
    assert n_refused > 0.9 * sum(map(len, files)) - 50


def test_files_that_are_cut_off_are_refused():
    index, data = checkpoints.checkpoint(ARRAYS)
    for size in range(len(index)):
        with pytest.raises(ValueError, match=r"^net\.index: this is not an index of a TensorFlow checkpoint"):
            read_checkpoint(index[:size], data, "net")
    for size in range(len(data)):
        with pytest.raises(ValueError, match=r"^net\.data-00000-of-00001: '\w+' cannot be read: it ends too early"):
            read_checkpoint(index, data[:size], "net", wanted=["wide"])


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (b"\x89PNG\r\n" + bytes(100), "its last bytes are not those of a table"),
        (checkpoints.checkpoint(ARRAYS, compression=1)[0], "it is compressed, by snappy or otherwise"),
        (checkpoints.checkpoint(ARRAYS, header=checkpoints.number(1, 3))[0], "it tells of 3 data files"),
        (
            checkpoints.checkpoint(ARRAYS, header=checkpoints.number(1, 1) + checkpoints.number(2, 1))[0],
            "it was written by a machine with another order",
        ),
        # tables of other programs
        (checkpoints.table([(b"key", b"value")]), "it tells of 0 data files"),
        (checkpoints.table([(b"", b"\xff" * 20)]), "a number is too long"),
        (checkpoints.table([(b"", b"\x0f")]), "a field has the unknown type 7"),
        (checkpoints.table([(b"", checkpoints.HEADER), (b"a", b"\x12\x7f")]), "it ends too early"),
        (
            checkpoints.table([(b"", checkpoints.HEADER), (b"a", checkpoints.message(7, b""))]),
            "an array is stored in parts",
        ),
    ],
)
def test_other_files_are_refused_with_the_reason(index, reason):
    with pytest.raises(ValueError, match=rf"^net\.index: this is not an index of [\w, ]+: {reason}"):
        read_checkpoint(index, b"", "net")


@pytest.mark.parametrize(
    ("dtype", "size", "reason"),
    [
        (checkpoints.number(1, 7), 12, "its type has TensorFlow's number 7"),
        (b"", 12, "its type has TensorFlow's number 0"),
        (checkpoints.number(1, 1), 16, r"16 bytes are not an array of shape \(3,\), float32"),
        (checkpoints.number(1, 1), 2**63, "9223372036854775808 bytes are not an array"),
    ],
)
def test_entries_that_contradict_themselves_are_refused(dtype, size, reason):
    shape = checkpoints.message(2, checkpoints.message(2, checkpoints.number(1, 3)))
    entry = dtype + shape + checkpoints.number(5, size)
    index = checkpoints.table([(b"", checkpoints.HEADER), (b"a", entry)])
    with pytest.raises(ValueError, match=rf"^net\.data-00000-of-00001: 'a' cannot be read: {reason}"):
        read_checkpoint(index, bytes(100), "net")
