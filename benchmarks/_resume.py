"""Run independent jobs, keep each result as it comes, and go on where a killed run stopped."""

import hashlib
import json
import warnings
from pathlib import Path

from joblib import Parallel, delayed
from tqdm.auto import tqdm


def fingerprint(*paths):
    """Give a digest of source files (folders: every ``.py`` in them), so that results of other code are not reused."""
    digest = hashlib.sha256()
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there: name the code that makes the results as it is laid out now.")
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _key(job, code):
    return json.dumps({**job, "code": code}, sort_keys=True)


def _load(path):
    """Give the results of a file of JSON lines by key; a torn last line, of a killed run, is left out."""
    kept: dict[str, dict] = {}
    if not path.exists():
        return kept
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            warnings.warn(f"{path} has an unreadable line; its job is run again.", stacklevel=3)
            continue
        kept[row["key"]] = row["result"]
    return kept


def run_jobs(function, jobs, path, code, n_jobs=1, verbose=1):
    """Run ``function(job)`` for each job and give the results in order.

    Parameters
    ----------
    function : callable
        Takes a job and returns what JSON can hold.
    jobs : list of dict
        Each with all that decides its result, as JSON can hold it.
    path : path-like
        File of JSON lines to which each result is added as it comes, and from which earlier ones are taken.
    code : str
        Digest of the code that makes the results; others are not taken.
    n_jobs : int, default=1
        Processes.
    verbose : int, default=1
        0 shows no progress bar.

    Returns
    -------
    list of dict
        A result for each job.
    """
    path = Path(path)
    done = _load(path)
    keys = [_key(job, code) for job in jobs]
    missing = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in done]
    path.parent.mkdir(parents=True, exist_ok=True)
    # a torn last line must not swallow the next result
    torn = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")

    def labelled(key, job):
        return key, function(job)

    results = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(delayed(labelled)(*pair) for pair in missing)
    with (
        path.open("a", encoding="utf-8") as file,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="fit", disable=not verbose) as bar,
    ):
        if torn:
            file.write("\n")
        for key, result in results:
            done[key] = result
            file.write(json.dumps({"key": key, "result": result}) + "\n")
            file.flush()
            bar.update()
    return [done[key] for key in keys]
