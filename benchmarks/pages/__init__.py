"""What a run has measured, as pages of docs: performance, with its drawing, and scaling."""
