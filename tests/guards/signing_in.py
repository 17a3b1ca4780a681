"""The guards of how the app signs in to Graph."""

from tests.guards.edits import rewrite, without_if
from tests.guards.guard import Guarded

_FEDERATED = "tests/integration/identity/test_federated_identity.py"

_settings = Guarded(area="signing in", module="shared/settings.py")
_entra = Guarded(area="signing in", module="shared/identity/entra.py")

GUARDS = (
    _settings(
        "one way at a time",
        "_check_combinations",
        without_if("len"),
        "tests/unit/test_settings.py::test_invalid_setting_is_named_with_its_remedy",
    ),
    _entra(
        "an assertion is not kept",
        "graph_credential",
        rewrite(
            "partial(_1, _2, _3)", "(lambda kept: lambda: kept[0] if kept else kept.append(_1(_2, _3)) or kept[0])([])"
        ),
        f"{_FEDERATED}::test_assertion_that_has_expired_is_replaced",
    ),
    _entra(
        "the audience of the cloud",
        "_assertion",
        rewrite("_.cloud.exchange_audience", "'api://AzureADTokenExchange'"),
        f"{_FEDERATED}::test_assertion_is_for_the_audience_of_the_cloud",
    ),
)
