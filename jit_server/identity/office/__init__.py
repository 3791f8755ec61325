"""The pages of an agency for those who look after it (A1, A2, A3, A6, A8): their own people, sign-in, keys and log."""
