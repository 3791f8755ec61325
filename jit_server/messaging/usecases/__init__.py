"""The room's verbs, by what they are about: channels, speaking, reading, one's own marks and drafts."""
