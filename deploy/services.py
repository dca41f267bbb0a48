"""Says whether PostgreSQL and Redis answer: `python -m deploy.services DATABASE_URL REDIS_URL`.

The exit status is 0 when both do.
"""

import sys

import environ
import psycopg2
import redis


def database_problem(url: str) -> str | None:
    """Why the database can't be used, or None."""
    found = environ.Env.db_url_config(url)
    try:
        psycopg2.connect(
            dbname=found["NAME"],
            user=found["USER"],
            password=found["PASSWORD"],
            host=found["HOST"],
            port=found["PORT"] or 5432,
            connect_timeout=3,
        ).close()
    except psycopg2.OperationalError as error:
        return str(error).strip()
    return None


def redis_problem(url: str) -> str | None:
    """Why Redis can't be used, or None."""
    client = redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
    try:
        client.ping()
    except redis.RedisError as error:
        return str(error)
    finally:
        client.close()
    return None


def main(database_url: str, redis_url: str) -> int:
    problems = {"PostgreSQL": database_problem(database_url), "Redis": redis_problem(redis_url)}
    for name, problem in problems.items():
        sys.stdout.write(f"{name} {'answers' if problem is None else f'does not answer: {problem}'}\n")
    return 1 if any(problems.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
