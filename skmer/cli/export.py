"""``skmer export``: write the network of a model in a format for other programs."""

import json
import sys

from skmer.cli._common import MODEL_HELP, TRUST, CommandError, add_command, atomic_output, check_output, load_model

__all__ = ["add_export"]


def add_export(commands):
    """Add ``skmer export`` to the commands."""
    command = add_command(
        commands,
        "export",
        _export,
        "write the network of a model for other programs",
        "With --to onnx, FILE is the network on segments with its standardisation, which onnxruntime runs without "
        "torch and skmer; its probabilities are compared with those of torch. Statistics and SVM are not written. The "
        "packages of pip install skmer[onnx] are needed. Exit status: 0, or 2 for a wrong argument or model. "
        f"{TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    command.add_argument("--to", choices=["onnx"], required=True, help="the format")
    command.add_argument("--out", metavar="FILE", required=True, help="the file to write, such as model.onnx")
    command.add_argument("--force", action="store_true", help="replace an existing file")
    command.add_argument("-q", "--quiet", action="store_true", help="print no summary")


def _export(arguments):
    check_output(arguments.out, arguments.force, inputs=[arguments.model])
    predictor, warnings = load_model(arguments.model, require_classes=True)
    from skmer.models.onnx import export_onnx

    if not arguments.quiet:
        for warning in warnings:
            print(f"skmer export: {arguments.model}: warning: {warning}", file=sys.stderr)
    try:
        with atomic_output(arguments.out, arguments.force, inputs=[arguments.model]) as part:
            metadata = export_onnx(predictor, part)
    except (ImportError, ValueError) as error:
        raise CommandError(str(error)) from error
    if not arguments.quiet:
        made_by = " and ".join(json.loads(metadata["steps"]))
        print(
            f"{arguments.out}: segments of shape {metadata['segment_shape']} made by {made_by}, {metadata['kind']} "
            f"{metadata['classes']}"
        )
    return 0
