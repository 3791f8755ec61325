"""Who people are: States, agencies with their own identity providers, people, sign-in and sessions."""
