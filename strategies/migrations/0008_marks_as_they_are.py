from django.db import migrations


class Migration(migrations.Migration):
    """Those of thousands of instruments are packed already: compressing them took PostgreSQL as long as writing them."""

    dependencies = [("strategies", "0007_states_as_they_are")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE strategies_signal ALTER COLUMN marks SET STORAGE EXTERNAL",
            "ALTER TABLE strategies_signal ALTER COLUMN marks SET STORAGE EXTENDED",
        )
    ]
