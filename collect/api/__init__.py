"""What programs ask of the app, beside its pages: gap lists, outlines, releases, and whether it is well."""

from collect.api.routes import routes

__all__ = ["routes"]
