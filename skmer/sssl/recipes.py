"""Named settings of SSSLClassifier and SSSLRegressor, as the parameters that differ from their default."""

from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["SSSL_RECIPES", "RecipeMixin", "with_original_head"]

SSSL_RECIPES: dict[str, dict[str, Any]] = {
    # Sun et al. as printed: one mixture, no limit for a song, the last epoch's weights, Eq. 8 over the raw noisy set
    "paper": {
        "balance": None,
        "prior_weight": 0.0,
        "average_epochs": None,
        "loss_memory": 0.0,
        "max_erased": 1.0,
        "mixup_dominant": False,
        "kl_rows": "raw",
    },
    "plain": {"noise_model": None, "average_epochs": None},
    # Mao et al. as Sun et al. describe it: nothing but the network's output as the next epoch's label
    "self-learning": {
        "noise_model": "self-learning",
        "mixup_alpha": 0.0,
        "lambda_kl": 0.0,
        "prior_weight": 0.0,
        "average_epochs": None,
    },
}


def with_original_head(params):
    """Return parameters with the published head of VGG16 unless they have another: on a CPU, the default is pooled."""
    backbone = params.get("backbone", "vgg16")
    if not isinstance(backbone, str) or not backbone.startswith("vgg16"):
        return params
    return {**params, "backbone_params": {"head": "original", **(params.get("backbone_params") or {})}}


class RecipeMixin(BaseEstimator):
    """`from_recipe`, for a class that has the parameters of `SSSL_RECIPES`."""

    @classmethod
    def from_recipe(cls, recipe, **params):
        """Create an estimator with named settings.

        Parameters
        ----------
        recipe : {"paper", "plain", "self-learning"}
            ``"paper"``: as printed, without the guards against collapse, and with the original head of VGG16 on any
            device. ``"plain"``: the inherited labels only. ``"self-learning"``: the predictions of an epoch
            are the labels of the next (Mao et al.).
        **params
            Further parameters; they take precedence over the recipe.

        Returns
        -------
        SSSLClassifier or SSSLRegressor
            Unfitted.

        Raises
        ------
        ValueError
            If the recipe is unknown.

        Examples
        --------
        >>> from skmer import SSSLClassifier
        >>> SSSLClassifier.from_recipe("paper", max_epochs=10).kl_rows
        'raw'
        """
        if recipe not in SSSL_RECIPES:
            raise ValueError(f"recipe={recipe!r} is unknown: choose from {sorted(SSSL_RECIPES)}.")
        # a regressor has some of them
        known = cls._get_param_names()
        params = {**{name: value for name, value in SSSL_RECIPES[recipe].items() if name in known}, **params}
        return cls(**with_original_head(params) if recipe == "paper" else params)
