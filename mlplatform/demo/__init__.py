"""The demo: four models trained on real data sets that come with scikit-learn, published as a user would."""
