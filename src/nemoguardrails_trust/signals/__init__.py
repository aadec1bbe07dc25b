"""The measurements that go into a score."""
