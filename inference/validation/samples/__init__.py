"""Inputs made up to catch a compiled model that answers differently: ordinary, extreme and spiteful."""
