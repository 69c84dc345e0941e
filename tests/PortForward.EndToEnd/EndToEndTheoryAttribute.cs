namespace PortForward.EndToEnd;

/// <summary>A table of tests on a real cluster, under the conditions of <see cref="EndToEndFactAttribute"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EndToEndTheoryAttribute : TheoryAttribute
{
    public EndToEndTheoryAttribute() => Skip = new EndToEndFactAttribute().Skip;
}
