"""The features work where numba can write neither to librosa's folder nor to that of the user."""

import os
import subprocess
import sys

import pytest

CODE = """
import os
import numba.core.caching as caching

def refuse(self):
    raise OSError("read-only file system")

for name in dir(caching):
    locator = getattr(caching, name)
    if name.endswith("Locator") and "UserProvided" not in name and name != "_CacheLocator":
        locator.ensure_cache_path = refuse

import numpy as np
from skmer.features import log_mel, rhythm

assert log_mel(np.zeros(2048)).shape == (128, 3)
rhythm(np.random.default_rng(0).normal(scale=0.1, size=10 * 22050), 22050)
print(os.environ["NUMBA_CACHE_DIR"])
"""


def test_without_a_folder_for_the_cache_of_numba():
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "skmer-numba-" in done.stdout
    assert not os.path.exists(done.stdout.strip())  # removed at the end of the process


DESCRIBE = """
import numpy as np
from skmer.features import rhythm

rhythm(np.random.default_rng(0).normal(scale=0.1, size=10 * 22050), 22050)
"""


@pytest.mark.slow
def test_processes_that_compile_at_the_same_time_do_not_mix_their_functions(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for _ in range(2):  # the second time, from the cache
        running = [subprocess.Popen([sys.executable, "-c", DESCRIBE], env=environment) for _ in range(2)]
        assert [process.wait() for process in running] == [0, 0]
