"""Named settings of SSSLClassifier, as the parameters that differ from their default."""

from typing import Any

__all__ = ["SSSL_RECIPES"]

SSSL_RECIPES: dict[str, dict[str, Any]] = {
    # Sun et al. as printed: one mixture, the last epoch's weights, Eq. 8 over the raw noisy set
    "paper": {
        "balance": None,
        "prior_weight": 0.0,
        "average_epochs": None,
        "loss_memory": 0.0,
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
