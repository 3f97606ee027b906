"""Whether the model is good, and where it is weak: scores, findings, the report and the model card."""
