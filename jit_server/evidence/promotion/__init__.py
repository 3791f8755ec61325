"""An exhibit that is the record of something said in the conversation, with where it comes from."""
