"""whet: efficient fine-tuning of language models."""
