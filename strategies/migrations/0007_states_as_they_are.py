from django.db import migrations

COLUMNS = (("strategies_strategystate", "state"), ("strategies_shard", "prices"))


def storage(kind: str) -> str:
    return "; ".join(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {kind}" for table, column in COLUMNS)


class Migration(migrations.Migration):
    """They are written often and read seldom: compressing them took most of what PostgreSQL does for them."""

    dependencies = [("strategies", "0006_lists_by_time")]
    operations = [migrations.RunSQL(storage("EXTERNAL"), storage("EXTENDED"))]
