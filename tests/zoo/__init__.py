"""Small applications, faulty and healthy: what the findings are measured by."""
