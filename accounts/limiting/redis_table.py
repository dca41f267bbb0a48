"""The counts of all hosts, kept by Redis: one script decides all charges of a call, by Redis's own clock."""

from collections.abc import Sequence
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.limiting.shared_table import digest_of
from accounts.limiting.window import COUNTERS, SLOTS, Charge, Verdict

TIMEOUT_SECONDS = 0.1

# A bucket is a hash from the number of a step to the units spent in it. One that lies more than a window ahead is from
# before Redis's clock was put back, and would count until the clock is there again.
_SCRIPT = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local step = ARGV[1] / {SLOTS}
local slot = math.floor(now / step)
local tightest, limit_of, oldest_wait = nil, nil, 0
for index, key in ipairs(KEYS) do
  local limit, cost = tonumber(ARGV[2 * index]), tonumber(ARGV[2 * index + 1])
  local flat, used, spent = redis.call('HGETALL', key), 0, {{}}
  for place = 1, #flat, 2 do
    local at, units = tonumber(flat[place]), tonumber(flat[place + 1])
    if math.abs(slot - at) < {COUNTERS} then
      used = used + units
      spent[#spent + 1] = {{at, units}}
    else
      redis.call('HDEL', key, flat[place])
    end
  end
  if used + cost > limit then
    table.sort(spent, function(a, b) return a[1] < b[1] end)
    local too_many, free_at = used + cost - limit, slot + {COUNTERS}
    for _, entry in ipairs(spent) do
      too_many = too_many - entry[2]
      if too_many <= 0 then free_at = entry[1] + {COUNTERS} break end
    end
    return {{0, limit, math.max(0, limit - used), math.ceil(free_at * step - now), slot}}
  end
  local left = limit - used - cost
  if tightest == nil or left < tightest then tightest, limit_of = left, limit end
end
for index, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, slot, ARGV[2 * index + 1])
  redis.call('PEXPIRE', key, math.ceil({COUNTERS} * step))
end
return {{1, limit_of, tightest, math.ceil((slot + {COUNTERS}) * step - now), slot}}
"""

# Takes units out of the step they were counted in, if it still counts.
_REFUND = """
for index, key in ipairs(KEYS) do
  local spent = tonumber(redis.call('HGET', key, ARGV[1]) or 0)
  local units = math.min(spent, tonumber(ARGV[1 + index]))
  if units > 0 then redis.call('HINCRBY', key, ARGV[1], -units) end
end
"""


class RedisTable:
    """The counts in one Redis database. Every method raises one of FAILURES when it does not answer in time."""

    FAILURES: tuple[type[Exception], ...] = (redis.RedisError, OSError)

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_SCRIPT)
        self._refund = self._client.register_script(_REFUND)

    def hit(self, charges: Sequence[Charge], *, window: float) -> tuple[Verdict, int]:
        """Count all charges, or none when one of them would exceed its limit. Also tells the step, for `refund`."""
        arguments: list[Any] = [int(window * 1000)]
        for charge in charges:
            arguments += [charge.limit, charge.cost]
        answer = cast(list[int], self._script(keys=_keys(charges, window), args=arguments))
        admitted, limit, remaining, wait_ms, slot = answer
        return Verdict(bool(admitted), int(limit), int(remaining), max(0, int(wait_ms)) / 1000), int(slot)

    def refund(self, charges: Sequence[Charge], *, window: float, slot: int) -> None:
        """Take back what `hit` counted in that step."""
        self._refund(keys=_keys(charges, window), args=[slot, *(charge.cost for charge in charges)])

    def close(self) -> None:
        self._client.close()


def _keys(charges: Sequence[Charge], window: float) -> list[str]:
    return [f"limit:{digest_of(charge.bucket, window).hex()}" for charge in charges]
