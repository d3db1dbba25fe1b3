"""The official client of the Model Context Protocol, over standard input and over HTTP, in both eras."""

import asyncio
import inspect
import json
import os
import sys

import mcp
from server import INDEX, PROGRAM, URL


async def used(session):
    """What every session must be able to do."""
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert set(tools) == {"search", "fetch", "describe"}, tools
    found = await session.call_tool("search", {"query": "Who headlined the halftime show?", "k": 3})
    content = getattr(found, "structured_content", None) or getattr(found, "structuredContent", None)
    assert json.loads(found.content[0].text) == content and len(content["results"]) == 3, found
    first = content["results"][0]
    read = await session.call_tool("fetch", {"id": first["id"], "start": first["start"], "max_chars": 40})
    part = json.loads(read.content[0].text)
    assert first["snippet"].startswith(part["text"]) and part["end"] - part["start"] <= 40, part
    described = json.loads((await session.call_tool("describe", {})).content[0].text)
    assert described["documents"] > 0 and described["fields"], described
    for name, arguments in [("search", {"query": ""}), ("search", {"query": "a", "filter": "year >="}), ("fetch", {"id": "-"})]:
        refused = await session.call_tool(name, arguments)
        assert getattr(refused, "is_error", None) or getattr(refused, "isError", None), refused
        assert refused.content[0].text, refused


async def main():
    from mcp.client.stdio import StdioServerParameters

    environment = {name: value for name, value in os.environ.items()}
    program = StdioServerParameters(command=PROGRAM, args=["mcp", "-i", INDEX], env=environment)
    if hasattr(mcp, "Client"):
        from mcp.client.stdio import stdio_client

        for mode in ["auto", "legacy"]:
            async with mcp.Client(f"{URL}/mcp", mode=mode) as session:
                await used(session)
                print(f"mcp over HTTP, {mode}, {session.protocol_version}: ok")
            async with mcp.Client(stdio_client(program), mode=mode) as session:
                await used(session)
                print(f"mcp over standard input, {mode}, {session.protocol_version}: ok")


asyncio.run(main())
