"""docs/asyncapi.yaml as the judge of events: every one must be of a known type, fit its schema, and carry nothing the page does
not name."""
import pathlib

import jsonschema
import yaml

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/asyncapi.yaml"


class Schemas:
    def __init__(self, page=PAGE):
        self.page = yaml.safe_load(page.read_text())
        self.by_type = {}
        for name, schema in self.page["components"]["schemas"].items():
            for part in schema.get("allOf", []):
                const = part.get("properties", {}).get("type", {}).get("const")
                if const:
                    resolver = jsonschema.RefResolver("", self.page)
                    self.by_type[const] = (jsonschema.Draft7Validator(
                        schema, resolver=resolver, format_checker=jsonschema.FormatChecker()), part["properties"]["data"])
        self.envelope = set(self.page["components"]["schemas"]["Event"]["properties"])

    def stream_of(self, type_):
        """The streams whose batches may carry this type."""
        names = {part for part, schema in self.page["components"]["schemas"].items() if any(
            one.get("properties", {}).get("type", {}).get("const") == type_ for one in schema.get("allOf", []))}
        found = set()
        for topic, channel in self.page["channels"].items():
            if "/up/" not in topic:
                continue
            listed = channel["subscribe"]["message"]["payload"]["items"]["oneOf"]
            if names & {one["$ref"].rsplit("/", 1)[1] for one in listed}:
                found.add(topic.rsplit("/", 1)[1])
        return found

    def faults(self, event):
        """What is wrong with one event; empty: nothing."""
        type_ = event.get("type")
        if type_ not in self.by_type:
            return [f"{type_}: docs/asyncapi.yaml does not know this type"]
        validator, data = self.by_type[type_]
        faults = [f"{type_}: {'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(event)]
        faults += [f"{type_}: the attribute {key} is not documented" for key in set(event) - self.envelope]
        faults += [f"{type_}: data.{key} is not documented" for key in set(event.get("data", {})) - set(data.get("properties", {}))]
        stream = event.get("id", "///").rsplit("/", 2)[-2]
        if stream not in self.stream_of(type_):
            faults.append(f"{type_}: sent in {stream}, documented for {sorted(self.stream_of(type_))}")
        return faults
