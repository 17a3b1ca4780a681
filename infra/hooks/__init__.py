"""What azd runs before and after its own steps. Each can be run again at any point: it looks first, then acts."""
