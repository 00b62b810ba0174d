"""The wiring. Importing it makes Celery's app, so that tasks find it."""
