from django.db import migrations


class Migration(migrations.Migration):
    """Nobody looks for them, and PostgreSQL compares them with each other each time that it analyzes signals."""

    dependencies = [("strategies", "0008_marks_as_they_are")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE strategies_signal ALTER COLUMN marks SET STATISTICS 0",
            "ALTER TABLE strategies_signal ALTER COLUMN marks SET STATISTICS -1",
        )
    ]
