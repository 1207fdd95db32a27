"""A translator that learns from two folders of pictures, lamp off and lamp on, of which no two are a pair."""
