"""What the admin answers where two meet, and to what none of its pages sends."""
