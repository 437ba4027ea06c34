"""The pipeline from recordings to ratings."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from skmer import make_rating_pipeline

QUICK = {"max_duration": 6, "max_epochs": 6, "warmup_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def songs():
    """Tones of 6 s whose first rating is heard as pitch and the second as loudness."""
    rng = np.random.default_rng(0)
    y = rng.uniform(-1, 1, (40, 2))
    seconds = np.arange(6 * 22528) / 22528
    return [
        (0.1 * 4**loud * np.sin(2 * np.pi * 440 * 2**pitch * seconds)
         + 0.01 * rng.normal(size=len(seconds))).astype(np.float32)
        for pitch, loud in y
    ], y  # fmt: skip


@pytest.mark.parametrize("params", [{"backbone": "mlp", "harmony": True}, {"backbone": "small"}])
def test_ratings_of_recordings(songs, params):
    X, y = songs
    pipeline = make_rating_pipeline(**QUICK, **params).fit(X[:30], y[:30])
    assert pipeline.predict(X).shape == (40, 2)
    curves = pipeline.transform(X)
    assert [curve.shape for curve in curves] == [(4, 2)] * 40
    np.testing.assert_allclose([curve.mean(axis=0) for curve in curves], pipeline.predict(X))


def test_ratings_over_time_and_a_final_estimator(songs):
    X, y = songs
    params = {**QUICK, "backbone": "mlp", "harmony": True, "max_epochs": 40, "batch_size": 16}
    over_time = [np.repeat(row[None], 4, axis=0) for row in y]
    pipeline = make_rating_pipeline(**params).fit(X[:30], over_time[:30])
    assert pipeline.score(X[30:], over_time[30:]) > 0.25
    last = make_rating_pipeline(final_estimator=Ridge(), cv=3, **params).fit(X[:30], y[:30])
    assert list(last.named_steps)[-3:] == ["statistics", "scaler", "regressor"]
    assert r2_score(y[30:], last.predict(X[30:])) > 0.25
