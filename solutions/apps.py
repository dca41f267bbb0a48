from django.apps import AppConfig


class SolutionsConfig(AppConfig):
    name = "solutions"
    verbose_name = "Solutions"

    def ready(self) -> None:
        from monitoring import erasure
        from solutions.propositions import forgetting

        erasure.also("events and features of propositions", forgetting.erase)
