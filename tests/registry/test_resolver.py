import pytest

from registry import resolver, services
from registry.errors import ModelNotFound, NoActiveVersion, VersionNotReady

# The generation counts up when a transaction commits, so these need real commits.
pytestmark = pytest.mark.django_db(transaction=True)


def test_every_form_of_reference_leads_to_the_same_version(ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    references = [
        "oracle",
        "oracle@production",
        "oracle:1",
        "oracle:v1",
        str(version.model_id),
        f"{version.model_id}:1",
    ]
    assert {resolver.resolve(reference, user=ada).version_id for reference in references} == {version.pk}


def test_a_known_reference_costs_no_query(ada, served_version, django_assert_num_queries):
    services.activate(version=served_version(), by=ada)
    resolver.resolve("oracle", user=ada)
    with django_assert_num_queries(0):
        resolver.resolve("oracle", user=ada)


def test_what_a_process_loaded_when_it_began_is_known_by_name(ada, bob, served_version, django_assert_num_queries):
    version = served_version()
    services.activate(version=version, by=ada)
    resolver.live()
    with django_assert_num_queries(0):
        assert resolver.resolve("oracle", user=ada).version_id == version.pk
        with pytest.raises(ModelNotFound):
            resolver.resolve("oracle", user=bob)


def test_an_activation_is_noticed_at_once(ada, served_version):
    first, second = served_version(offset=1), served_version(offset=2)
    services.activate(version=first, by=ada)
    assert resolver.resolve("oracle", user=ada).number == 1
    services.activate(version=second, by=ada)
    assert resolver.resolve("oracle", user=ada).number == 2
    services.rollback(model=first.model, by=ada)
    assert resolver.resolve("oracle", user=ada).number == 1


def test_with_nothing_live_only_a_numbered_version_answers(ada, served_version):
    served_version()
    assert resolver.resolve("oracle:1", user=ada).number == 1
    with pytest.raises(NoActiveVersion):
        resolver.resolve("oracle", user=ada)


def test_somebody_elses_private_model_looks_like_one_that_does_not_exist(ada, bob, root, served_version):
    model = served_version().model
    for reference in ("oracle:1", "ghost:1"):
        with pytest.raises(ModelNotFound):
            resolver.resolve(reference, user=bob)
    assert resolver.resolve("oracle:1", user=root)
    # Remembered for root, and still not shown to bob.
    with pytest.raises(ModelNotFound):
        resolver.resolve("oracle:1", user=bob)
    services.change_model(model=model, by=ada, visibility="internal")
    assert resolver.resolve("oracle:1", user=bob)


def test_a_version_that_is_not_ready_or_not_there_says_so(ada, served_version, toy_file):
    served_version()
    services.upload_version(by=ada, name="oracle", file=toy_file)
    with pytest.raises(VersionNotReady):
        resolver.resolve("oracle:2", user=ada)
    with pytest.raises(ModelNotFound):
        resolver.resolve("oracle:3", user=ada)


def test_an_archived_model_is_no_longer_served(ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    services.archive_model(model=version.model, by=ada)
    with pytest.raises(ModelNotFound):
        resolver.resolve("oracle", user=ada)
    assert resolver.live() == []


def test_a_models_serving_settings_reach_the_hot_path_with_the_platforms_where_it_has_none(
    ada, served_version, settings
):
    settings.MAX_QUEUED = 7
    version = served_version()
    services.change_model(model=version.model, by=ada, deadline_ms=250, cache_ttl_seconds=0, fallback=0.5)
    serving = resolver.resolve("oracle:1", user=ada).serving
    assert (serving.deadline_seconds, serving.cache_seconds, serving.max_queued) == (0.25, 0.0, 7)
    assert (serving.fallback, serving.is_preloaded) == (0.5, True)
