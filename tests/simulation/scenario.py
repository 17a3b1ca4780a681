"""What is simulated: how much of it, for how long, and what happens when."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``subscriptions`` are those of all tenants together; ``faults`` is the share of calls that meet one.

    Tokens live for longer than Entra ID's usual hour, as a tenant may have it.
    Source: https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes
    """

    span: timedelta = timedelta(days=3)
    # As ``RENEW_SCHEDULE`` has it by default.
    every: timedelta = timedelta(minutes=5)
    subscriptions: int = 200
    tenants: int = 3
    faults: float = 0.05
    seed: int = 1
    token_lifetime: timedelta = timedelta(hours=4)
    renew_after: timedelta = timedelta(minutes=45)
    # Short enough to expire many times in days without renewal.
    lifetime: timedelta = timedelta(hours=8)
    removals_every: timedelta = timedelta(hours=2)

    @property
    def steps(self) -> int:
        """How often the timer fires."""
        return self.span // self.every

    @property
    def certificate_rotations(self) -> tuple[int, int]:
        """The steps before which the vault gets another certificate."""
        return self.steps // 4, self.steps * 3 // 4

    @property
    def key_rotation(self) -> int:
        """The step before which the app gets another client-state key, and keeps the previous one."""
        return self.steps // 2

    @property
    def key_farewell(self) -> int:
        """The step before which the previous key is dropped: what was sent with it has come, or been given up."""
        return self.key_rotation + timedelta(hours=4, minutes=30) // self.every
