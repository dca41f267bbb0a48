"""The records of one key, account or model that did not end as usual: found without reading the others."""

from django.db import migrations, models

from accounts.indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("monitoring", "0016_packed_histograms")]

    operations = [
        BuildIndex(
            model_name="predictionlog",
            index=models.Index(
                fields=["created_at", "api_key_id", "user", "model", "version", "outcome"],
                condition=models.Q(outcome__in=["fallback", "invalid", "error", "timeout"]),
                name="prediction_unusual_whose",
            ),
        ),
    ]
