"""What loaded models cost: the time until they are there, and the memory they take.

Each section says what it found and which promises that keeps. Its keys are fixed; times are in seconds.
"""

from mlplatform.benchmark.bench import Bench, Section
from mlplatform.benchmark.requirements import Promise

MB = 1024 * 1024


def model_loading(bench: Bench) -> Section:
    """Every model loaded and warmed up in a fresh process, several times."""
    runs = bench.load_cold(bench.effort.load_runs)
    times = [run["seconds"] for run in runs]
    average, limit = sum(times) / len(times), bench.requirements.load_seconds
    errors = {name: model["error"] for name, model in runs[0]["models"].items() if model["error"]}
    is_kept = average < limit and not errors
    models = {
        name: {
            "average_loading_time": sum(run["models"][name]["seconds"] for run in runs) / len(runs),
            "max_loading_time": max(run["models"][name]["seconds"] for run in runs),
        }
        for name in runs[0]["models"]
    }
    found = {
        "average_loading_time": average,
        "max_loading_time": max(times),
        "min_loading_time": min(times),
        "runs": len(times),
        "models": models,
        "errors": errors,
        "meets_requirement": is_kept,
        "requirement": f"<{limit:g} seconds",
    }
    measured = f"{average:.2f} s" + (f", {len(errors)} not loaded" if errors else "")
    return found, [Promise("all models loaded, cold process", f"< {limit:g} s", measured, is_kept)]


def memory_efficiency(bench: Bench) -> Section:
    """The serving processes with every model loaded, and what each model adds to a fresh process."""
    cold = bench.load_cold(1)[0]["models"]
    for subject in bench.subjects:
        bench.ask(subject, "warming up", connections=2, count=4)
    current, limit = bench.memory_mb(), bench.requirements.memory_mb
    sizes = {subject.reference: subject.version.size_bytes / MB for subject in bench.subjects}
    is_kept = current < limit if current else None
    found = {
        "current_memory_mb": current,
        "peak_memory_mb": bench.peak_memory_mb,
        "model_breakdown": {
            name: {
                "estimated_size_mb": sizes[name],
                "actual_memory_delta_mb": model["resident_delta_mb"],
                "total_memory_mb": model["resident_mb"],
            }
            for name, model in cold.items()
        },
        "memory_limit_mb": limit,
        "processes": len(bench.target.pids()),
        "within_limits": is_kept,
        "meets_requirement": is_kept,
        "requirement": f"<{limit:g} MB",
    }
    measured = f"{current:.0f} MB in {found['processes']} processes" if current else "not on this host"
    return found, [Promise("memory of all serving processes", f"< {limit:g} MB", measured, is_kept)]
