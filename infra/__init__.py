"""How the app gets into Azure: its template, what azd runs beside it, and the package that it deploys."""
