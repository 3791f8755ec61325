"""Events of the case on its timeline: what happened, when and where, written by people and never altered."""
