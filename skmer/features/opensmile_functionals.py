"""opensmile_functionals: the 88 values of the extended Geneva set, computed by openSMILE."""

import math

import numpy as np

from skmer.features._frames import pad_to_frame

__all__ = ["opensmile_functionals"]


def require_opensmile():
    """Import opensmile; raise ImportError with the command to install it."""
    try:
        import opensmile
    except ImportError as error:
        raise ImportError(
            'The group "opensmile" needs the opensmile package; install it with: pip install skmer[opensmile]'
        ) from error
    return opensmile


def _smile():
    opensmile = require_opensmile()
    functionals = opensmile.FeatureLevel.Functionals
    return opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=functionals)


def opensmile_names():
    """Return the names of the 88 values."""
    return list(_smile().feature_names)


def opensmile_functionals(y, sr=22050):
    """Compute the functionals of the extended Geneva Minimalistic Acoustic Parameter Set (eGeMAPSv02).

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1, of about a quarter of a second or more.
    sr : float, default=22050
        Sampling rate in whole Hz.

    Returns
    -------
    dict of str to float
        The 88 values, with openSMILE's names.

    Raises
    ------
    ImportError
        If the opensmile package is not installed.
    ValueError
        If `y` is too short for openSMILE or not one-dimensional, or `sr` is not a whole number.

    See Also
    --------
    skmer.DescriptorTransformer : This and other groups for many songs.

    Notes
    -----
    The set was designed for speech: several values describe the pitch and formants of a single
    voice, and music has more than one. openSMILE is free for research and private use only;
    see its licence.

    References
    ----------
    Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research
    and affective computing", IEEE Transactions on Affective Computing 7(2), 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import opensmile_functionals
    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> opensmile_functionals(tone)["loudness_sma3_amean"] > 0  # doctest: +SKIP
    True
    """
    import warnings

    if float(sr) != round(sr):
        raise ValueError(f"sr={sr:g} Hz: openSMILE requires a whole number, such as 22050.")
    y = pad_to_frame(y, 1)
    smile = _smile()
    with warnings.catch_warnings():
        # NaN is reported below
        warnings.simplefilter("ignore", UserWarning)
        values = smile.process_signal(y.astype(np.float32), int(sr)).to_numpy()[0]
    described = {name: float(value) for name, value in zip(smile.feature_names, values, strict=True)}
    bad = [name for name, value in described.items() if not math.isfinite(value)]
    if bad:
        raise ValueError(
            f"openSMILE returns NaN or infinity for {bad[0]} and {len(bad) - 1} other values of {len(y) / sr:.2f} s of "
            "audio: it requires about a quarter of a second. Leave out the song or the group."
        )
    return described
