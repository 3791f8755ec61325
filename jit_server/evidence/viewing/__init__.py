"""The content of an exhibit on the screen: pages as pixels, text as text, sound and film; nothing foreign runs."""
