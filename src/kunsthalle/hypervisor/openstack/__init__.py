"""Instances of many hosts: Nova, Cinder and Glance, over REST."""
